// The app on github.com/cloudflare/tableflip, as its own example has it: HUP starts a child; once that
// is ready, this process calls Shutdown, and exits.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"bench/echo"

	"github.com/cloudflare/tableflip"
)

func main() {
	upgrader, err := tableflip.New(tableflip.Options{})
	if err != nil {
		log.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	go func() {
		for received := range signals {
			if received == syscall.SIGTERM {
				upgrader.Stop()
			} else if err := upgrader.Upgrade(); err != nil {
				log.Println(err)
			}
		}
	}()
	listener, err := upgrader.Listen("tcp", echo.Address())
	if err != nil {
		log.Fatal(err)
	}
	server := http.Server{Handler: echo.Handler()}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	if err := upgrader.Ready(); err != nil {
		log.Fatal(err)
	}
	echo.Ready()
	<-upgrader.Exit()
	if err := server.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
}
