package receiver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// A client can fail any number of handshakes. They are counted, not logged, and the client's address appears nowhere.
func TestFailedHandshakesAreCounted(t *testing.T) {
	var stderr bytes.Buffer
	usual := log.Writer()
	log.SetOutput(&stderr) // where net/http writes by default
	t.Cleanup(func() { log.SetOutput(usual) })
	lines := newLogLines()
	none := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("no certificate") }
	server := NewServer("127.0.0.1:0", none, 0, http.NotFoundHandler(), lines.logger())
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(server.Start(ctx), server.Drain()) }()
	lines.await(t, "Receiver is listening")

	before := gather(t, metrics.HandshakesFailed)[0].value
	const clients = 3
	var addresses []string
	for range clients {
		connection, err := net.DialTCP("tcp", nil, server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, connection.LocalAddr().String())
		_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\n\r\n")
		_ = connection.Close()
	}
	await(t, "the handshakes to be counted", func() bool { return gather(t, metrics.HandshakesFailed)[0].value == before+clients })
	end()
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	logged, _ := lines.text()
	for _, address := range append(addresses, "handshake") {
		if strings.Contains(logged+stderr.String(), address) {
			t.Errorf("%q is in the log:\n%s\n%s", address, logged, stderr.String())
		}
	}
}

// A panic is a bug: it is logged with its stack, but without the client's address.
func TestAPanicIsLoggedWithoutTheClient(t *testing.T) {
	p := open(t, &fakeRecorder{})
	p.handler.verify = func([]byte, string) bool { panic("so much for that") }
	connection := p.begin(t, padded(body, smallBody))
	connection.finish(t)
	if _, err := io.ReadAll(connection); err != nil {
		t.Fatal(err)
	}
	p.log.await(t, "http: panic serving: so much for that")
	logged, _ := p.log.text()
	if !strings.Contains(logged, "errorlog_test.go") {
		t.Errorf("the stack of the panic is not in the log:\n%s", logged)
	}
	if strings.Contains(logged, connection.LocalAddr().String()) {
		t.Errorf("the client's address is in the log:\n%s", logged)
	}
	await(t, "its memory to be free again", func() bool {
		return waiting(p.server.connections.queue) == 0 && p.handler.small.bytes.TryAcquire(smallBodies)
	})
}
