package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// With a certificate the receiver speaks TLS 1.2 and later only, and takes a renewed certificate up without a restart.
func TestTheReceiverOverTLS(t *testing.T) {
	folder := t.TempDir()
	roots := x509.NewCertPool()
	certify(t, folder, roots, 1)
	o := start(t, func(c *config.Config) { c.ReceiverCertPath = folder })
	address := o.endpoint.URL[len("http://") : len(o.endpoint.URL)-len("/webhooks/stripe")]

	honest := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer honest.CloseIdleConnections()
	body := Event{ID: "evt_TLS", Type: "customer.created", Created: time.Now(), Shape: New, Object: Customer("cus_TLS", "ada@example.com", "Ada")}.JSON()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address+"/webhooks/stripe", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Stripe-Signature", Sign(body, time.Now(), secret))
	response, err := honest.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || len(o.events()) != 1 {
		t.Errorf("an event over TLS is answered %d, and %d are recorded", response.StatusCode, len(o.events()))
	}

	if _, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	if code, err := o.endpoint.Post(t.Context(), Event{ID: "evt_Plain", Type: "x", Created: time.Now(), Object: Object{}}); err == nil && code < 400 {
		t.Errorf("an event in plain text is answered %d", code)
	}

	certify(t, folder, roots, 2)
	o.eventually("the renewed certificate is served", func() string {
		connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
		if err != nil {
			return err.Error()
		}
		defer func() { _ = connection.Close() }()
		if serial := connection.ConnectionState().PeerCertificates[0].SerialNumber; serial.Int64() != 2 {
			return fmt.Sprintf("it is number %s", serial)
		}
		return ""
	})
}

// certify puts a certificate of this number into the folder as a mounted Secret has it, and trusts it.
func certify(t *testing.T, folder string, roots *x509.CertPool, number int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(certificate)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
