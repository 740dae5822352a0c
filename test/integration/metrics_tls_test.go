package integration

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
)

// The metrics are served with the configured certificate, over TLS 1.2 or later only. A renewed certificate is used
// without a restart.
func TestTheMetricsOverTLS(t *testing.T) {
	folder, address := t.TempDir(), freeAddress(t)
	roots := x509.NewCertPool()
	certify(t, folder, roots, 1)
	o := start(t, func(c *config.Config) {
		c.MetricsBindAddress, c.MetricsSecure, c.MetricsCertPath = address, true, folder
	})
	served := func(number int64) func() string {
		return func() string {
			connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
			if err != nil {
				return err.Error()
			}
			defer func() { _ = connection.Close() }()
			if serial := connection.ConnectionState().PeerCertificates[0].SerialNumber; serial.Int64() != number {
				return fmt.Sprintf("its serial number is %s", serial)
			}
			return ""
		}
	}
	o.eventually("the certificate is served", served(1))
	_, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1 is accepted: %v", err)
	}
	certify(t, folder, roots, 2)
	o.eventually("the renewed certificate is served", served(2))
}

// If the configured certificate cannot be loaded, the operator does not start. It never serves the metrics with another
// certificate.
func TestTheMetricsWithoutTheirCertificate(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, folder string){
		"no files": func(*testing.T, string) {},
		"no key": func(t *testing.T, folder string) {
			certify(t, folder, x509.NewCertPool(), 1)
			if err := os.Remove(filepath.Join(folder, "tls.key")); err != nil {
				t.Fatal(err)
			}
		},
		"the key of another certificate": func(t *testing.T, folder string) {
			other := t.TempDir()
			certify(t, folder, x509.NewCertPool(), 1)
			certify(t, other, x509.NewCertPool(), 2)
			if err := os.Rename(filepath.Join(other, "..data", "tls.key"), filepath.Join(folder, "..data", "tls.key")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaults(t, "default")
			cfg.MetricsBindAddress, cfg.MetricsCertPath = freeAddress(t), t.TempDir()
			prepare(t, cfg.MetricsCertPath)
			_, err := app.New(cfg, cluster.Config, oneOfSeveral)
			if err == nil || !strings.Contains(err.Error(), "--metrics-cert-path") {
				t.Errorf("want a start error, got: %v", err)
			}
			cfg.MetricsBindAddress = "0" // the metrics are off
			if _, err := app.New(cfg, cluster.Config, oneOfSeveral); err != nil {
				t.Errorf("it does not start without metrics: %v", err)
			}
		})
	}
}
