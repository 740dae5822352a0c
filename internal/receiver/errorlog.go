package receiver

import (
	"errors"
	"log"
	"regexp"
	"strings"

	"github.com/go-logr/logr"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// errorLog takes what net/http has to say, which names the sender's address. Failed handshakes come as fast as anybody likes and tell
// nothing that their number does not: they are counted. The rest is for us to mend, and logged, without the address.
func errorLog(to logr.Logger) *log.Logger { return log.New(errorLines{to}, "", 0) }

type errorLines struct{ log logr.Logger }

// ofSender finds where a line names the sender.
var ofSender = regexp.MustCompile(`^http: panic serving \S+:`)

// Write takes one message.
func (l errorLines) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if strings.HasPrefix(text, "http: TLS handshake error") {
		metrics.HandshakesFailed.Inc()
		return len(line), nil
	}
	l.log.Error(errors.New(ofSender.ReplaceAllString(text, "http: panic serving:")), "The receiver's HTTP server reports an error")
	return len(line), nil
}
