package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder is a folder with a file for each variable.
func folder(t *testing.T, files env) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every credential is the same value from its variable, from a file of its own, and from the folder.
func TestEveryCredentialMayComeFromAFile(t *testing.T) {
	values := env{
		EnvStripeEndpointSecret: "whsec_1,whsec_2", EnvStripeSecretKey: "rk_test_1", EnvStripeAPIBase: "https://stripe.example.com",
		EnvMailgunAPIKey: "key-1", EnvMailgunDomain: "mg.example.com", EnvMailgunSenderEmail: "Example <hello@example.com>",
		EnvMailgunAPIBase: "https://mailgun.example.com/v3", EnvPasswordResetURL: "https://app.example.com/reset", EnvAppName: "Example",
		EnvCloudEventsSigningSecret: whsec(32),
	}
	if len(values) != len(CredentialNames) {
		t.Fatalf("%d of the %d credentials are tested", len(values), len(CredentialNames))
	}
	const sink = "--cloudevents-sink=https://app.example.com"
	want, err := load(values, sink)
	if err != nil || want.Credentials != nil {
		t.Fatalf("from variables: %v; it has files: %t", err, want.Credentials != nil)
	}
	dir := folder(t, values)
	paths := env{}
	for name := range values {
		paths[name+"_FILE"] = filepath.Join(dir, name)
	}
	for source, arguments := range map[string][]string{"a file each": {sink}, "the folder": {sink, "--credentials-dir=" + dir}} {
		environment := paths
		if len(arguments) > 1 {
			environment = env{}
		}
		got, err := load(environment, arguments...)
		if err != nil || got.Credentials == nil {
			t.Errorf("from %s: %v; it has files: %t", source, err, got.Credentials != nil)
		}
		got.Credentials, got.CredentialsDir = nil, ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("from %s (-variables +files):\n%s", source, diff)
		}
	}
}

// All mistakes are reported at once, those of sources and those of values. A value that was not read does not count as missing.
func TestMistakesOfSourcesAreReportedWithTheOthers(t *testing.T) {
	dir := folder(t, env{EnvStripeEndpointSecret: "whsec_canary1", EnvMailgunDomain: "can ary"})
	const sink = "--cloudevents-sink=https://app.example.com"
	_, err := load(env{EnvStripeEndpointSecret: "whsec_canary2", EnvStripeSecretKey + "_FILE": dir + "/none"},
		"--credentials-dir="+dir, sink, "--max-in-flight=0")
	if err == nil {
		t.Fatal("no error")
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		"STRIPE_ENDPOINT_SECRET is set more than once, by the variable STRIPE_ENDPOINT_SECRET and by the file " + dir + "/STRIPE_ENDPOINT_SECRET: remove all but one",
		"STRIPE_SECRET_KEY_FILE names a file that has no value: open " + dir + "/none: no such file or directory",
		EnvCloudEventsSigningSecret + " is not set, and --cloudevents-sink is: generate one, such as whsec_$(openssl rand -base64 32), " +
			"and give it to the receiver of the notifications too",
		"--max-in-flight is 0: want at least 1",
		"MAILGUN_DOMAIN is not a domain: set it to the domain at Mailgun, such as mg.example.com, without https:// and path",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

// Where the folder cannot be read, what it may have does not count as missing.
func TestAFolderThatCannotBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := load(env{}, "--credentials-dir="+dir, "--cloudevents-sink=https://app.example.com")
	if want := "--credentials-dir cannot be read: open " + dir + ": no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A list of secrets is bounded: each costs every request a hash.
func TestListsOfSecretsAreBounded(t *testing.T) {
	list := func(secret string, n int) string { return strings.TrimSuffix(strings.Repeat(secret+",", n), ",") }
	if _, err := EndpointSecrets(list("whsec_1", maxSecrets)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		EnvStripeEndpointSecret:     second(EndpointSecrets(list("whsec_1", maxSecrets+1))),
		EnvCloudEventsSigningSecret: second(SigningSecrets(list(whsec(24), maxSecrets+1))),
	} {
		if err == nil || err.Error() != name+" has 17 entries: want at most 16. Remove those that are no longer signed with" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The text of a signing secret is what people have, so that they can compare its fingerprint.
func TestSigningSecretText(t *testing.T) {
	secrets, err := SigningSecrets(whsec(25))
	if err != nil || SigningSecretText(secrets[0]) != whsec(25) {
		t.Errorf("%v %v", secrets, err)
	}
}
