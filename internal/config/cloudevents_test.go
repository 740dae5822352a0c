package config

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whsec is a signing secret of n bytes.
func whsec(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", n)))
}

func TestCloudEvents(t *testing.T) {
	secret := func(n int) []byte { return []byte(strings.Repeat("s", n)) }
	const noForm = " is not whsec_ and 24 to 64 bytes in base64: generate one, such as whsec_$(openssl rand -base64 32)"
	const notSecure = "--cloudevents-sink must be an https URL, because customers' entitlements are posted there (http is allowed for localhost only)"
	for name, tc := range map[string]struct {
		sink, secret string
		args         []string
		want         [][]byte
		refused      string
	}{
		"no sink":                          {},
		"no sink, and a secret":            {secret: "anything"},
		"a sink":                           {sink: "https://app.example.com/hooks?tenant=1", secret: whsec(24), want: [][]byte{secret(24)}},
		"two secrets":                      {sink: "https://app.example.com", secret: whsec(24) + ", " + whsec(64), want: [][]byte{secret(24), secret(64)}},
		"http on the machine":              {sink: "http://127.0.0.1:8080/", secret: whsec(32), want: [][]byte{secret(32)}},
		"http to a Service":                {sink: "http://app.shop.svc:8080/", secret: whsec(32), want: [][]byte{secret(32)}},
		"http to a Service, by whole name": {sink: "http://app.shop.svc.cluster.local", secret: whsec(32), want: [][]byte{secret(32)}},
		"the receiver alone signs nothing": {sink: "https://app.example.com", args: []string{"--components=receiver"}},
		"no secret": {
			sink: "https://app.example.com",
			refused: "CLOUDEVENTS_SIGNING_SECRET is not set, and --cloudevents-sink is: generate one, such as whsec_$(openssl rand -base64 32), " +
				"and give it to the receiver of the notifications too",
		},
		"a short secret":                   {sink: "https://app.example.com", secret: whsec(23), refused: "CLOUDEVENTS_SIGNING_SECRET: entry 1 of 1" + noForm},
		"a long secret":                    {sink: "https://app.example.com", secret: whsec(65), refused: "CLOUDEVENTS_SIGNING_SECRET: entry 1 of 1" + noForm},
		"a secret without whsec":           {sink: "https://app.example.com", secret: whsec(32)[6:], refused: "CLOUDEVENTS_SIGNING_SECRET: entry 1 of 1" + noForm},
		"an empty second secret":           {sink: "https://app.example.com", secret: whsec(32) + ",", refused: "CLOUDEVENTS_SIGNING_SECRET: entry 2 of 2" + noForm},
		"http":                             {sink: "http://app.example.com", secret: whsec(32), refused: notSecure},
		"a host that looks like a Service": {sink: "http://app.svc.example.com", secret: whsec(32), refused: notSecure},
		"no URL":                           {sink: "app.example.com", secret: whsec(32), refused: "--cloudevents-sink is not a valid https URL with a host: correct it"},
		"a password": {
			sink: "https://ada:canary@app.example.com", secret: whsec(32),
			refused: "--cloudevents-sink must not have a user or a fragment: remove it. The signature says who posts",
		},
		"a user within the cluster": {
			sink: "http://ada@app.shop.svc", secret: whsec(32),
			refused: "--cloudevents-sink must not have a user or a fragment: remove it. The signature says who posts",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(signed(env{EnvCloudEventsSigningSecret: tc.secret}), append(tc.args, "--cloudevents-sink="+tc.sink)...)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.refused {
				t.Errorf("refused with %q, want %q", got, tc.refused)
			}
			if diff := cmp.Diff(tc.want, cfg.CloudEventsSecrets); tc.refused == "" && diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}
