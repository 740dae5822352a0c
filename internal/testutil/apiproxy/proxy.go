// Package apiproxy is a proxy in front of the API server that causes faults: it loses requests and replies, and freezes
// and cuts watches.
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

// Verdict is what the proxy does with a request.
type Verdict int

// The verdicts.
const (
	// Pass forwards the request and its reply.
	Pass Verdict = iota
	// LoseRequest drops the connection without forwarding the request.
	LoseRequest
	// LoseReply forwards the request and drops the connection instead of the reply. A watch has no complete reply: it
	// is dropped at once, without being forwarded.
	LoseReply
)

// Decide returns the verdict on a request. It may block. It is called from many goroutines.
type Decide func(r *http.Request) Verdict

// Proxy is a running proxy.
type Proxy struct {
	server *httptest.Server

	mutex   sync.Mutex
	decide  Decide
	onLost  func()
	flowing chan struct{} // closed unless watches are frozen
	held    int           // reads of watches that were held up since Freeze
	open    int           // open watches
	cut     context.CancelFunc
	watches context.Context // done once the current watches are cut
}

// New starts a proxy in front of the API server of config. Requests through it have the rights of config.
func New(config *rest.Config) (*Proxy, error) {
	config = rest.CopyConfig(config)
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("parse the API server's address: %w", err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("make a transport to the API server: %w", err)
	}
	p := &Proxy{flowing: make(chan struct{})}
	close(p.flowing)
	p.watches, p.cut = context.WithCancel(context.Background())
	reverse := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		FlushInterval:  -1,
		ErrorLog:       log.New(io.Discard, "", 0), // broken connections are intended
		ModifyResponse: func(r *http.Response) error { r.Body = p.gateWatch(r); return nil },
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(reverse, w, r) }))
	return p, nil
}

// Close stops the proxy.
func (p *Proxy) Close() {
	p.Thaw()
	p.CutWatches()
	p.server.CloseClientConnections()
	p.server.Close()
}

// Config returns a client configuration that reaches the API server through the proxy.
func (p *Proxy) Config() *rest.Config { return &rest.Config{Host: p.server.URL, QPS: -1} }

// Kubeconfig returns Config as the content of a kubeconfig file.
func (p *Proxy) Kubeconfig() ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: p.server.URL}
	config.AuthInfos["proxy"] = &clientcmdapi.AuthInfo{}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", AuthInfo: "proxy"}
	config.CurrentContext = "proxy"
	return clientcmd.Write(*config)
}

// Spoil makes decide choose the verdict on every request from now on; nil passes all requests.
func (p *Proxy) Spoil(decide Decide) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.decide = decide
}

// WhenLost sets a function that is called for each lost reply, after the API server has answered and before the
// connection drops.
func (p *Proxy) WhenLost(do func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.onLost = do
}

// Freeze holds up the events of all watches until Thaw. The connections stay open.
func (p *Proxy) Freeze() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-p.flowing:
		p.flowing, p.held = make(chan struct{}), 0
	default:
	}
}

// Thaw forwards the events that were held up, and all later ones. It returns how many reads were held up.
func (p *Proxy) Thaw() (held int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-p.flowing:
		return 0
	default:
		close(p.flowing)
		return p.held
	}
}

// CutWatches breaks the connection of every open watch, and returns their number.
func (p *Proxy) CutWatches() (count int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.cut()
	p.watches, p.cut = context.WithCancel(context.Background())
	return p.open
}

// IsWrite reports whether a request writes. Writes of leases and Kubernetes events do not count.
func IsWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead &&
		!strings.Contains(r.URL.Path, "/leases") && !strings.Contains(r.URL.Path, "/events.k8s.io/")
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

func (p *Proxy) serve(through http.Handler, w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	decide, onLost := p.decide, p.onLost
	p.mutex.Unlock()
	verdict := Pass
	if decide != nil {
		verdict = decide(r)
	}
	if isWatch(r) && verdict == LoseReply {
		verdict = LoseRequest
	}
	switch verdict {
	case LoseRequest:
		panic(http.ErrAbortHandler)
	case LoseReply:
		through.ServeHTTP(discardResponse{}, r.WithContext(context.WithoutCancel(r.Context())))
		if onLost != nil {
			onLost()
		}
		panic(http.ErrAbortHandler)
	default:
		through.ServeHTTP(w, r)
	}
}

// discardResponse discards the reply.
type discardResponse struct{}

func (discardResponse) Header() http.Header         { return http.Header{} }
func (discardResponse) Write(b []byte) (int, error) { return len(b), nil }
func (discardResponse) WriteHeader(int)             {}

// gateWatch returns the body of a reply. The body of a watch can be frozen and cut.
func (p *Proxy) gateWatch(r *http.Response) io.ReadCloser {
	if !isWatch(r.Request) {
		return r.Body
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	body := r.Body
	stop := context.AfterFunc(p.watches, func() { _ = body.Close() })
	p.open++
	return &gatedWatch{ReadCloser: body, proxy: p, cut: p.watches, stop: stop}
}

type gatedWatch struct {
	io.ReadCloser
	proxy  *Proxy
	cut    context.Context // done once the watch is cut
	stop   func() bool
	closed sync.Once
}

func (g *gatedWatch) Read(b []byte) (int, error) {
	n, err := g.ReadCloser.Read(b)
	g.proxy.mutex.Lock()
	flowing := g.proxy.flowing
	select {
	case <-flowing:
	default:
		if n > 0 {
			g.proxy.held++
		}
	}
	g.proxy.mutex.Unlock()
	select {
	case <-flowing:
	case <-g.cut.Done():
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (g *gatedWatch) Close() error {
	g.stop()
	g.closed.Do(func() {
		g.proxy.mutex.Lock()
		defer g.proxy.mutex.Unlock()
		g.proxy.open--
	})
	return g.ReadCloser.Close()
}
