module bench

go 1.17

require (
	github.com/cloudflare/tableflip v1.2.3
	github.com/fvbock/endless v0.0.0-20170109170031-447134032cb6
)
