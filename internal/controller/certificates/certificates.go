// Package certificates reports when the certificates expire that this process serves, for the metrics. It writes nothing.
package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Watch reports on every replica, as every one serves.
type Watch struct {
	// Served returns the certificate that a server uses now, by the server's name in the metrics.
	Served map[string]func() (*tls.Certificate, error)
	Clock  clock.WithTicker
	// Interval is the time between two looks.
	Interval time.Duration
}

// NeedLeaderElection is false: every replica serves.
func (w *Watch) NeedLeaderElection() bool { return false }

// Start looks until ctx ends.
func (w *Watch) Start(ctx context.Context) error {
	count.Repeatedly(ctx, w.Clock, w.Interval, "the days that are left to the certificates", w.look, func() {})
	return nil
}

// look sets the metrics. A certificate that cannot be read counts as one that has expired.
func (w *Watch) look(context.Context) error {
	var failed error
	for server, served := range w.Served {
		expiry, lifetime := 0.0, 0.0
		if leaf, err := leafOf(served); err != nil {
			failed = errors.Join(failed, fmt.Errorf("read the certificate of the server %s: %w", server, err))
		} else {
			expiry, lifetime = float64(leaf.NotAfter.Unix()), leaf.NotAfter.Sub(leaf.NotBefore).Seconds()
		}
		metrics.CertificateExpiry.WithLabelValues(server).Set(expiry)
		metrics.CertificateLifetime.WithLabelValues(server).Set(lifetime)
	}
	return failed
}

func leafOf(served func() (*tls.Certificate, error)) (*x509.Certificate, error) {
	certificate, err := served()
	switch {
	case err != nil:
		return nil, err
	case certificate == nil || len(certificate.Certificate) == 0:
		return nil, errors.New("there is none")
	case certificate.Leaf != nil:
		return certificate.Leaf, nil
	default:
		return x509.ParseCertificate(certificate.Certificate[0])
	}
}
