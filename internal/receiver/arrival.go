package receiver

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// arrival is a body on its way. It ends once: complete, or cut off because others wait.
type arrival struct {
	ctx        context.Context // ends with the arrival
	cancel     context.CancelFunc
	connection *http.ResponseController
	leave      func()

	mutex sync.Mutex
	ended bool
}

// arrive starts the arrival of the request's body. The connection waits for its client until the arrival ends.
func arrive(w http.ResponseWriter, r *http.Request) *arrival {
	a := &arrival{connection: http.NewResponseController(w)}
	a.ctx, a.cancel = context.WithCancel(r.Context())
	a.leave = awaitBody(r.Context(), func() { a.cutOff() })
	return a
}

// cutOff ends the arrival, unless it has ended, and reports whether it did. It does not block.
func (a *arrival) cutOff() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.ended {
		return false
	}
	a.ended = true
	a.cancel()
	_ = a.connection.SetReadDeadline(time.Unix(1, 0)) // in the past: ends the read
	return true
}

// end ends the arrival. It reports false if the body was cut off before: the past deadline then also ends net/http's
// wait for the next request, so the connection cannot be used again.
func (a *arrival) end() bool {
	a.leave()
	a.mutex.Lock()
	defer a.mutex.Unlock()
	cutOff := a.ended
	a.ended = true
	a.cancel()
	return !cutOff
}
