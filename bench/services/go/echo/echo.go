// Package echo is the app of services/echo.js, in Go.
package echo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Address is where the service listens.
func Address() string { return "127.0.0.1:" + os.Getenv("PORT") }

// Handler answers POST /echo after 2 ms.
func Handler() http.Handler {
	pid := strconv.Itoa(os.Getpid())
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			ID json.RawMessage `json:"id"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		time.Sleep(2 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("x-pid", pid)
		json.NewEncoder(w).Encode(body)
	})
	return mux
}

// Ready tells the benchmark that this process serves.
func Ready() { fmt.Println("ready", os.Getpid()) }
