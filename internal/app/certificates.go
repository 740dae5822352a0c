package app

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/certificates"
)

// certificateInterval is the time between two looks at when the served certificates expire.
const certificateInterval = time.Minute

// addCertificates adds what reports when the certificates expire that the servers have from directories. A certificate that
// the process makes itself is left out: it is never verified.
func (a *App) addCertificates(cfg config.Config) error {
	served := map[string]func() (*tls.Certificate, error){}
	if a.receiverCertificate != nil {
		served["receiver"] = func() (*tls.Certificate, error) { return a.receiverCertificate(nil) }
	}
	if servesMetricsFromFolder(cfg) {
		served["metrics"] = func() (*tls.Certificate, error) { return loadCertificate(cfg.MetricsCertPath) }
	}
	if len(served) == 0 {
		return nil
	}
	watch := &certificates.Watch{Served: served, Clock: clock.RealClock{}, Interval: certificateInterval}
	if err := a.manager.Add(watch); err != nil {
		return fmt.Errorf("add the watch of the certificates: %w", err)
	}
	return nil
}

// servesMetricsFromFolder reports whether the metrics have a certificate that is not made by the process.
func servesMetricsFromFolder(cfg config.Config) bool {
	return cfg.MetricsSecure && cfg.MetricsCertPath != "" && cfg.MetricsBindAddress != "0"
}

func loadCertificate(folder string) (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(folder, corev1.TLSCertKey), filepath.Join(folder, corev1.TLSPrivateKeyKey))
	return &certificate, err
}
