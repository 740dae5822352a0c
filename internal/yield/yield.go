// Package yield lets writes that can wait give way to the recording of events: Stripe waits for the answer to a webhook, and
// sends an event again if it comes late.
package yield

import (
	"context"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// few is how many events are recorded at a time without anything giving way.
	few = 4
	// longest is how long a write gives way: while events keep coming, each worker still makes ten writes a second.
	longest = 100 * time.Millisecond
)

// Gate knows how many events are being recorded. Its zero value is ready.
type Gate struct {
	mutex     sync.Mutex
	recording int
	quiet     chan struct{} // closed when few events are being recorded; nil while that is so
}

// Begin notes that an event is being recorded, until end is called.
func (g *Gate) Begin() (end func()) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.recording++
	if g.recording > few && g.quiet == nil {
		g.quiet = make(chan struct{})
	}
	return g.end
}

func (g *Gate) end() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.recording--
	if g.recording <= few && g.quiet != nil {
		close(g.quiet)
		g.quiet = nil
	}
}

// Wait waits while many events are being recorded, but not for long.
func (g *Gate) Wait(ctx context.Context) {
	g.mutex.Lock()
	quiet := g.quiet
	g.mutex.Unlock()
	if quiet == nil {
		return
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-quiet:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Client is a client whose creates, updates and deletes, also updates of statuses, wait at the gate.
func Client(c client.Client, gate *Gate) client.Client { return &yieldingClient{Client: c, gate: gate} }

type yieldingClient struct {
	client.Client
	gate *Gate
}

func (c *yieldingClient) Create(ctx context.Context, o client.Object, options ...client.CreateOption) error {
	c.gate.Wait(ctx)
	return c.Client.Create(ctx, o, options...)
}

func (c *yieldingClient) Update(ctx context.Context, o client.Object, options ...client.UpdateOption) error {
	c.gate.Wait(ctx)
	return c.Client.Update(ctx, o, options...)
}

func (c *yieldingClient) Delete(ctx context.Context, o client.Object, options ...client.DeleteOption) error {
	c.gate.Wait(ctx)
	return c.Client.Delete(ctx, o, options...)
}

func (c *yieldingClient) Status() client.SubResourceWriter {
	return &yieldingStatus{SubResourceWriter: c.Client.Status(), gate: c.gate}
}

type yieldingStatus struct {
	client.SubResourceWriter
	gate *Gate
}

func (s *yieldingStatus) Update(ctx context.Context, o client.Object, options ...client.SubResourceUpdateOption) error {
	s.gate.Wait(ctx)
	return s.SubResourceWriter.Update(ctx, o, options...)
}
