// The app on github.com/fvbock/endless: HUP starts a child, and the child ends its parent by TERM.
package main

import (
	"bench/echo"

	"github.com/fvbock/endless"
)

func main() {
	server := endless.NewServer(echo.Address(), echo.Handler())
	server.BeforeBegin = func(string) { echo.Ready() }
	// It says "use of closed network connection" after each upgrade, and at the end.
	_ = server.ListenAndServe()
}
