// Package apiproxy stands between a process and the API server, and spoils what goes through: it loses requests and replies, freezes and
// cuts watches.
package apiproxy

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Verdict is what becomes of a request.
type Verdict int

// The verdicts.
const (
	// Pass lets it through.
	Pass Verdict = iota
	// LoseRequest drops the connection; the API server sees nothing.
	LoseRequest
	// LoseReply lets the API server do it, and drops the connection. A watch, which has no end to wait for, is dropped at once.
	LoseReply
)

// Judge decides about a request before it goes through. It may take its time. It is called from many goroutines.
type Judge func(r *http.Request) Verdict

// Proxy is a running proxy.
type Proxy struct {
	server *httptest.Server

	mutex   sync.Mutex
	judge   Judge
	lost    func()
	frozen  chan struct{} // closed while watches flow
	held    int           // what was held up since Freeze
	open    int           // watches
	cut     context.CancelFunc
	watches context.Context
}

// New starts a proxy in front of the API server that config reaches, with config's rights.
func New(config *rest.Config) (*Proxy, error) {
	config = rest.CopyConfig(config)
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("the API server's address: %w", err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	p := &Proxy{frozen: make(chan struct{})}
	close(p.frozen)
	p.watches, p.cut = context.WithCancel(context.Background())
	reverse := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		FlushInterval:  -1,
		ErrorLog:       log.New(io.Discard, "", 0), // a connection that breaks is what it is for
		ModifyResponse: func(r *http.Response) error { r.Body = p.gate(r); return nil },
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(reverse, w, r) }))
	return p, nil
}

// Close stops it.
func (p *Proxy) Close() {
	p.Thaw()
	p.CutWatches()
	p.server.CloseClientConnections()
	p.server.Close()
}

// Config reaches the API server through the proxy.
func (p *Proxy) Config() *rest.Config { return &rest.Config{Host: p.server.URL, QPS: -1} }

// Kubeconfig is Config as a kubeconfig file's content.
func (p *Proxy) Kubeconfig() ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: p.server.URL}
	config.AuthInfos["proxy"] = &clientcmdapi.AuthInfo{}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", AuthInfo: "proxy"}
	config.CurrentContext = "proxy"
	return clientcmd.Write(*config)
}

// Spoil has the judge decide about every request from now on; nil lets all through.
func (p *Proxy) Spoil(judge Judge) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.judge = judge
}

// WhenLost calls do after each request whose reply is lost: once the API server has answered, before the connection drops.
func (p *Proxy) WhenLost(do func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.lost = do
}

// Freeze lets nothing of any watch through until Thaw. The connections stay open.
func (p *Proxy) Freeze() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-p.frozen:
		p.frozen, p.held = make(chan struct{}), 0
	default:
	}
}

// Thaw lets the watches flow again, with what has gathered. It returns of how many watches something was held up.
func (p *Proxy) Thaw() (held int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-p.frozen:
		return 0
	default:
		close(p.frozen)
		return p.held
	}
}

// CutWatches ends every watch in the middle, and returns how many there were.
func (p *Proxy) CutWatches() (were int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.cut()
	p.watches, p.cut = context.WithCancel(context.Background())
	return p.open
}

// IsWrite says whether a request changes something that lasts: leases and Kubernetes events do not count.
func IsWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead &&
		!strings.Contains(r.URL.Path, "/leases") && !strings.Contains(r.URL.Path, "/events.k8s.io/")
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

func (p *Proxy) serve(through http.Handler, w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	judge, lost := p.judge, p.lost
	p.mutex.Unlock()
	verdict := Pass
	if judge != nil {
		verdict = judge(r)
	}
	if isWatch(r) && verdict == LoseReply {
		verdict = LoseRequest
	}
	switch verdict {
	case LoseRequest:
		panic(http.ErrAbortHandler)
	case LoseReply:
		through.ServeHTTP(nowhere{}, r.WithContext(context.WithoutCancel(r.Context())))
		if lost != nil {
			lost()
		}
		panic(http.ErrAbortHandler)
	default:
		through.ServeHTTP(w, r)
	}
}

// nowhere takes a reply that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// gate holds the body of a watch up while watches are frozen, and ends it when they are cut.
func (p *Proxy) gate(r *http.Response) io.ReadCloser {
	if !isWatch(r.Request) {
		return r.Body
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	body := r.Body
	stop := context.AfterFunc(p.watches, func() { _ = body.Close() })
	p.open++
	return &gated{ReadCloser: body, proxy: p, cut: p.watches, stop: stop}
}

type gated struct {
	io.ReadCloser
	proxy  *Proxy
	cut    context.Context // done once the watch is cut
	stop   func() bool
	closed sync.Once
}

func (g *gated) Read(b []byte) (int, error) {
	n, err := g.ReadCloser.Read(b)
	g.proxy.mutex.Lock()
	frozen := g.proxy.frozen
	select {
	case <-frozen:
	default:
		if n > 0 {
			g.proxy.held++
		}
	}
	g.proxy.mutex.Unlock()
	select {
	case <-frozen:
	case <-g.cut.Done():
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (g *gated) Close() error {
	g.stop()
	g.closed.Do(func() {
		g.proxy.mutex.Lock()
		defer g.proxy.mutex.Unlock()
		g.proxy.open--
	})
	return g.ReadCloser.Close()
}
