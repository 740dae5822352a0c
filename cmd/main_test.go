package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Whatever is wrong about the flags, the variables and the secrets is said in one line, before anything starts.
func TestAllMistakesAreSaidAtOnce(t *testing.T) {
	if os.Getenv("TOLLKEEPER_TEST_START") != "" {
		_ = os.Unsetenv("TOLLKEEPER_TEST_START")
		os.Exit(start(flag.NewFlagSet("manager", flag.ContinueOnError), []string{"--grase-period=1h", "webhook-endpoints", "--max-in-flight=0"}))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	command.Env = []string{"TOLLKEEPER_TEST_START=1", "TOLLKEEPER_EVENT_ATTEMPT=3", "STRIPE_SECRET_KEY=canary"}
	out, err := command.CombinedOutput()
	var exited *exec.ExitError
	if !errors.As(err, &exited) || exited.ExitCode() != badCommand {
		t.Errorf("it exited with %v, want %d", err, badCommand)
	}
	for _, said := range []string{
		"--grase-period is not a flag: did you mean --grace-period?", "unexpected argument", "--max-in-flight is 0: want at least 1",
		"TOLLKEEPER_EVENT_ATTEMPT names no flag: did you mean TOLLKEEPER_EVENT_ATTEMPTS?",
		"STRIPE_ENDPOINT_SECRET is not set", "STRIPE_SECRET_KEY is not a secret or restricted key",
	} {
		if !strings.Contains(string(out), said) {
			t.Errorf("it does not say %q", said)
		}
	}
	if lines := strings.Count(string(out), "\n"); lines != 1 || strings.Contains(string(out), "canary") {
		t.Errorf("it logs %d lines:\n%s", lines, out)
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
