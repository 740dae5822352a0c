// Package app connects the parts of the operator, in the same way for the binary, the tests and the demo.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/backfill"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/retention"
	"github.com/tollkeeper/tollkeeper/internal/controller/takeover"
	"github.com/tollkeeper/tollkeeper/internal/controller/thin"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/importer"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/yield"
)

// App is the operator. New makes it, Run runs it.
type App struct {
	manager     ctrl.Manager
	credentials *credentialsInUse
	receiver    *receiver.Server     // nil if another process runs it
	stripe      *stripeapi.Client    // nil without an API key
	backfill    *backfill.Backfill   // nil if it is turned off
	importer    *importer.Importer   // nil if it is turned off
	thin        *thin.Reconciler     // nil if another process runs the controllers
	retention   *retention.Retention // nil if another process runs the controllers
	takeover    *takeover.Order      // what a new leader does first; nil if another process runs the controllers
	gate        yield.Gate           // where writes give way to the recording of events
	// receiverCertificate returns the certificate that the receiver serves; nil without one
	receiverCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	notices []func() string // the names of the checks in /readyz that never fail
	log     func(msg string, keysAndValues ...any)
}

// Run runs the operator until ctx ends and everything has stopped. At the end the controllers stop and release the
// leadership. Meanwhile the receiver drains: another replica takes over while this one still answers requests.
func (a *App) Run(ctx context.Context) error {
	if a.receiver == nil {
		return a.manager.Start(ctx)
	}
	stop := context.AfterFunc(ctx, a.receiver.Stop)
	defer stop()
	err := a.manager.Start(ctx)
	return errors.Join(err, a.receiver.Drain())
}

// ReceiverAddr is the address that the receiver listens on; nil before it listens, or without a receiver.
func (a *App) ReceiverAddr() *net.TCPAddr {
	if a.receiver == nil {
		return nil
	}
	return a.receiver.Addr()
}

func decoder(cfg config.Config) events.Decoder {
	return events.Decoder{MetadataPrefix: cfg.MetadataPrefix}
}

// client is what everything but the receiver writes with: it gives way to the recording of events.
func (a *App) client() client.Client { return yield.Client(a.manager.GetClient(), &a.gate) }

// recorder records the events that come that way. Its metric is there from the start, so that the first event counts as an
// increase.
func (a *App) recorder(cfg config.Config, via recorder.Via) *recorder.Recorder {
	metrics.RecordedLag.WithLabelValues(string(via))
	writer := a.client()
	if via == recorder.ViaWebhook {
		writer = a.manager.GetClient()
	}
	return &recorder.Recorder{Writer: writer, Reader: a.manager.GetAPIReader(), Namespace: cfg.Namespace, Via: via}
}
