package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// issued is a certificate as it is stored: without the parsed leaf.
func issued(t *testing.T, from, until time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A certificate that is renewed shows its new expiry, and one that cannot be read counts as expired.
func TestTheExpiryIsThatOfTheServedCertificate(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	first, renewed := issued(t, noon, noon.Add(24*time.Hour)), issued(t, noon, noon.Add(90*24*time.Hour))
	parsed, err := x509.ParseCertificate(renewed.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	renewed.Leaf = parsed
	served, failure := first, error(nil)
	w := &Watch{Served: map[string]func() (*tls.Certificate, error){"receiver": func() (*tls.Certificate, error) { return served, failure }}}
	for name, tc := range map[string]struct {
		certificate      *tls.Certificate
		err              error
		expiry, lifetime float64
		fails            bool
	}{
		"for a day":       {first, nil, float64(noon.Add(24 * time.Hour).Unix()), 86400, false},
		"renewed":         {renewed, nil, float64(noon.Add(90 * 24 * time.Hour).Unix()), 90 * 86400, false},
		"not readable":    {nil, errors.New("no such file"), 0, 0, true},
		"none":            {nil, nil, 0, 0, true},
		"not parseable":   {&tls.Certificate{Certificate: [][]byte{{1}}}, nil, 0, 0, true},
		"an empty one":    {&tls.Certificate{}, nil, 0, 0, true},
		"for a day again": {first, nil, float64(noon.Add(24 * time.Hour).Unix()), 86400, false},
	} {
		served, failure = tc.certificate, tc.err
		if err := w.look(t.Context()); (err != nil) != tc.fails {
			t.Errorf("%s: the error is %v", name, err)
		}
		got := map[string]float64{
			"expiry": value(t, metrics.CertificateExpiry), "lifetime": value(t, metrics.CertificateLifetime),
		}
		if diff := cmp.Diff(map[string]float64{"expiry": tc.expiry, "lifetime": tc.lifetime}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func value(t *testing.T, gauge *prometheus.GaugeVec) float64 {
	t.Helper()
	var m dto.Metric
	if err := gauge.WithLabelValues("receiver").Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetGauge().GetValue()
}
