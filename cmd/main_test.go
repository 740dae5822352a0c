package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// In the image, which has no certificates, the operator trusts the certificate authorities that are compiled in. The
// test runs itself with no certificates, because Go looks for them once at start.
func TestTheOperatorBringsCertificateAuthorities(t *testing.T) {
	if os.Getenv("SSL_CERT_FILE") != os.DevNull {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), "SSL_CERT_FILE="+os.DevNull, "SSL_CERT_DIR="+t.TempDir())
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	roots := 0
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if root.Constraint != nil {
			continue
		}
		roots++
		if _, err := certificate.Verify(x509.VerifyOptions{CurrentTime: certificate.NotBefore.Add(time.Hour)}); err != nil {
			t.Errorf("%s: %v", certificate.Subject, err)
		}
	}
	if roots == 0 {
		t.Error("there are no certificate authorities")
	}
}
