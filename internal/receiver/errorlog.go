package receiver

import (
	"errors"
	"log"
	"regexp"
	"strings"

	"github.com/go-logr/logr"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// errorLog receives the messages of net/http and keeps client addresses out of the log. It only counts failed TLS
// handshakes: a client can cause any number of them, and one line each would say no more than the count.
func errorLog(to logr.Logger) *log.Logger { return log.New(errorLogWriter{to}, "", 0) }

type errorLogWriter struct{ log logr.Logger }

// panicOfClient matches the start of a message that names the client's address.
var panicOfClient = regexp.MustCompile(`^http: panic serving \S+:`)

// Write takes one message.
func (w errorLogWriter) Write(message []byte) (int, error) {
	text := strings.TrimSpace(string(message))
	if strings.HasPrefix(text, "http: TLS handshake error") {
		metrics.HandshakesFailed.Inc()
		return len(message), nil
	}
	w.log.Error(errors.New(panicOfClient.ReplaceAllString(text, "http: panic serving:")), "The receiver's HTTP server reports an error")
	return len(message), nil
}
