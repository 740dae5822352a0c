package logging

import (
	"errors"
	"regexp"
	"strings"

	"github.com/go-logr/logr"
)

// standardLog takes what is written to the log package: the HTTP servers without a log of their own write there.
type standardLog struct{ logger logr.Logger }

// address matches the address of a client in a message of net/http.
var address = regexp.MustCompile(`(\[[0-9A-Fa-f:.%]+\]|\d+\.\d+\.\d+\.\d+):\d+`)

// Write takes one message. A client can fail any number of TLS handshakes: they are details.
func (w standardLog) Write(message []byte) (int, error) {
	text := address.ReplaceAllString(strings.TrimSpace(string(message)), "a client")
	if strings.HasPrefix(text, "http: TLS handshake error") {
		w.logger.V(1).Info("A TLS handshake failed", "reason", text)
		return len(message), nil
	}
	w.logger.Error(errors.New(text), "A library reports an error")
	return len(message), nil
}
