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

// With a certificate the receiver accepts only TLS 1.2 or later. It uses a renewed certificate without a restart.
func TestTheReceiverOverTLS(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	roots := x509.NewCertPool()
	certify(t, folder, roots, 1)
	o := start(t, func(c *config.Config) { c.ReceiverCertPath = folder })
	address := o.endpoint.URL[len("http://") : len(o.endpoint.URL)-len("/webhooks/stripe")]

	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer trusting.CloseIdleConnections()
	body := Event{ID: "evt_TLS", Type: "customer.created", Created: time.Now(), Shape: New, Object: Customer("cus_TLS", "ada@example.com", "Ada")}.JSON()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address+"/webhooks/stripe", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Stripe-Signature", Sign(body, time.Now(), secret))
	response, err := trusting.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || len(o.events()) != 1 {
		t.Errorf("an event over TLS is answered with %d, and %d are recorded", response.StatusCode, len(o.events()))
	}

	connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatalf("TLS 1.2 is not accepted: %v", err)
	}
	_ = connection.Close()
	const refused = "remote error: tls: protocol version not supported"
	_, err = tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || err.Error() != refused {
		t.Errorf("TLS 1.1: %v, want %q", err, refused)
	}
	if code, err := o.endpoint.Post(t.Context(), Event{ID: "evt_Plain", Type: "x", Created: time.Now(), Object: Object{}}); err == nil && code < 400 {
		t.Errorf("an event over plain HTTP is answered with %d", code)
	}

	certify(t, folder, roots, 2)
	o.eventually("the renewed certificate is served", func() string {
		connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
		if err != nil {
			return err.Error()
		}
		defer func() { _ = connection.Close() }()
		if serial := connection.ConnectionState().PeerCertificates[0].SerialNumber; serial.Int64() != 2 {
			return fmt.Sprintf("its serial number is %s", serial)
		}
		return ""
	})
}

// certify writes a certificate with the serial number into the folder, and adds it to roots.
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
	mount(t, folder, number, map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	})
}

// mount writes the files as the kubelet mounts a Secret. Each file is a link into ..data, which is a link to the folder
// of a version. An update replaces ..data atomically and then deletes the old version.
func mount(t *testing.T, folder string, number int64, files map[string][]byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	version := fmt.Sprintf("..version_%d", number)
	must(os.Mkdir(filepath.Join(folder, version), 0o700))
	for name, content := range files {
		must(os.WriteFile(filepath.Join(folder, version, name), content, 0o600))
	}
	data, next := filepath.Join(folder, "..data"), filepath.Join(folder, "..data_tmp")
	old, readErr := os.Readlink(data)
	must(os.Symlink(version, next))
	must(os.Rename(next, data))
	if readErr == nil {
		must(os.RemoveAll(filepath.Join(folder, old)))
		return
	}
	for name := range files {
		must(os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)))
	}
}
