package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// A word that is no flag ends the flags: an operator that starts without those behind it has other settings than it was given.
func TestAnArgumentThatIsNoFlagIsRefused(t *testing.T) {
	if err := unexpected(nil); err != nil {
		t.Error(err)
	}
	for _, argument := range []string{"webhook-endpoints", "leader-elect", "false"} {
		if err := unexpected([]string{argument, "--emails=false"}); err == nil || !strings.Contains(err.Error(), argument) {
			t.Errorf("%s: %v", argument, err)
		}
	}
}

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
