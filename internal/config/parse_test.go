package config

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ofServices are what Kubernetes injects for Services of these names into a pod that does not turn it off.
func ofServices(names ...string) (environ []string) {
	for _, name := range names {
		service := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		for _, variable := range []string{
			"SERVICE_HOST=10.0.0.7", "SERVICE_PORT=80", "SERVICE_PORT_HTTP=80", "PORT=tcp://10.0.0.7:80", "PORT_80_TCP=tcp://10.0.0.7:80",
			"PORT_80_TCP_PROTO=tcp", "PORT_80_TCP_PORT=80", "PORT_80_TCP_ADDR=10.0.0.7",
		} {
			environ = append(environ, service+"_"+variable)
		}
	}
	return environ
}

// parse parses with two flags of each kind, and shows what was set.
func parse(t *testing.T, environ []string, arguments ...string) (set map[string]string, mistakes string) {
	t.Helper()
	var c Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c.Flags(flags)
	if err := Parse(flags, arguments, environ); err != nil {
		mistakes = err.Error()
	}
	set = map[string]string{}
	for name, value := range map[string]any{
		"grace-period": c.Policy.GracePeriod.Hours(), "emails": c.Emails, "max-in-flight": c.MaxInFlight, "accounts": c.Accounts, "metadata-prefix": c.MetadataPrefix,
	} {
		set[name] = fmt.Sprint(value)
	}
	defaults := map[string]string{"grace-period": "168", "emails": "true", "max-in-flight": "128", "accounts": "[]", "metadata-prefix": "tollkeeper_"}
	for name, value := range defaults {
		if set[name] == value {
			delete(set, name)
		}
	}
	return set, mistakes
}

func TestParse(t *testing.T) {
	type settings = map[string]string
	for name, tc := range map[string]struct {
		environ   []string
		arguments []string
		want      settings
	}{
		"nothing":   {},
		"arguments": {arguments: []string{"--grace-period=1h", "-max-in-flight", "5", "--emails=false"}, want: settings{"grace-period": "1", "max-in-flight": "5", "emails": "false"}},
		"a flag alone is true": {
			environ: []string{"TOLLKEEPER_EMAILS=false"}, arguments: []string{"--emails", "--grace-period=1h"}, want: settings{"grace-period": "1"},
		},
		"variables": {
			environ: []string{"TOLLKEEPER_GRACE_PERIOD=2h", "TOLLKEEPER_EMAILS=false", "TOLLKEEPER_ACCOUNTS=acct_1,acct_2", "HOME=/", "TOLLKEEPERS=1"},
			want:    settings{"grace-period": "2", "emails": "false", "accounts": "[acct_1 acct_2]"},
		},
		"an argument wins": {
			environ: []string{"TOLLKEEPER_GRACE_PERIOD=2h", "TOLLKEEPER_ACCOUNTS=acct_1"}, arguments: []string{"--grace-period=168h", "--accounts="},
		},
		"an empty variable is not set":     {environ: []string{"TOLLKEEPER_METADATA_PREFIX=", "TOLLKEEPER_NO_FLAG="}},
		"an empty argument is":             {arguments: []string{"--metadata-prefix="}, want: settings{"metadata-prefix": ""}},
		"the application's name":           {environ: []string{"TOLLKEEPER_APP_NAME=Example"}},
		"a value with an equals sign":      {environ: []string{"TOLLKEEPER_METADATA_PREFIX=a=b"}, want: settings{"metadata-prefix": "a=b"}},
		"Kubernetes' variables":            {environ: ofServices("tollkeeper-webhook", "tollkeeper", "tollkeeper-controller-manager-metrics")},
		"Kubernetes' variables and others": {environ: append(ofServices("tollkeeper-webhook"), "TOLLKEEPER_MAX_IN_FLIGHT=7"), want: settings{"max-in-flight": "7"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, mistakes := parse(t, tc.environ, tc.arguments...)
			if mistakes != "" {
				t.Error(mistakes)
			}
			if tc.want == nil {
				tc.want = settings{}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("other than by default (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakesOfFlagsAndVariables(t *testing.T) {
	const noWord = `: a flag begins with --, and one that is true or false is written as --emails=false`
	for name, tc := range map[string]struct {
		environ   []string
		arguments []string
		want      []string
	}{
		"all at once": {
			environ:   []string{"TOLLKEEPER_MAX_IN_FLIGHT=many", "TOLLKEEPER_GRASE_PERIOD=1h", "TOLLKEEPER_EMAILS=perhaps"},
			arguments: []string{"--grace-period=7d", "--leader-elect", "false", "--trial-leway=1h", "--accounts=x", "--import"},
			want: []string{
				"TOLLKEEPER_EMAILS: want true or false",
				"TOLLKEEPER_GRASE_PERIOD names no flag: did you mean TOLLKEEPER_GRACE_PERIOD?",
				"TOLLKEEPER_MAX_IN_FLIGHT: want a whole number",
				`--grace-period is "7d": want a duration, such as 90s, 10m or 336h (there is no unit for days)`,
				`--accounts is "x": entry 1 of 1 is not the id of a Stripe account: want acct_…, several separated by commas, or *`,
				`unexpected argument "false"` + noWord,
				"--trial-leway is not a flag: did you mean --trial-leeway?",
				"--import has no value: write --import=…",
			},
		},
		"words": {arguments: []string{"webhook-endpoints", "-", "--"}, want: []string{
			`unexpected argument "webhook-endpoints"` + noWord, `unexpected argument "-"` + noWord, `unexpected argument "--"` + noWord,
		}},
		"nothing is near": {
			environ: []string{"TOLLKEEPER_X=1"}, arguments: []string{"--zap-encoder=json"},
			want: []string{
				"TOLLKEEPER_X names no flag: remove it, or look the name up in docs/configuration.md",
				"--zap-encoder is not a flag: remove it, or look the name up in docs/configuration.md",
			},
		},
		"a secret in the ConfigMap": {
			environ: []string{"TOLLKEEPER_STRIPE_SECRET_KEY=sk_live_canary", "TOLLKEEPER_STRIPE_API_BASE=https://canary"},
			want: []string{
				"TOLLKEEPER_STRIPE_API_BASE names no flag: move STRIPE_API_BASE to the Secret tollkeeper-credentials",
				"TOLLKEEPER_STRIPE_SECRET_KEY names no flag: move STRIPE_SECRET_KEY to the Secret tollkeeper-credentials",
			},
		},
		"a prefix twice": {
			environ: []string{"TOLLKEEPER_TOLLKEEPER_EMAILS=false"},
			want:    []string{"TOLLKEEPER_TOLLKEEPER_EMAILS names no flag: as a key of the ConfigMap tollkeeper-config write EMAILS, without TOLLKEEPER_"},
		},
		"no Service of that name": {
			environ: []string{"TOLLKEEPER_WEBHOOK_PORT=tcp://10.0.0.7:80"},
			want:    []string{"TOLLKEEPER_WEBHOOK_PORT names no flag: remove it, or look the name up in docs/configuration.md"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := parse(t, tc.environ, tc.arguments...)
			if diff := cmp.Diff(tc.want, strings.Split(got, "\n")); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

// A secret in the wrong variable is not repeated, whichever flag that sets.
func TestNoMistakeHasAVariablesValue(t *testing.T) {
	var c Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	c.Flags(flags)
	var variables []string
	flags.VisitAll(func(f *flag.Flag) { variables = append(variables, Variable(f.Name)) })
	for _, variable := range append(variables, VariablePrefix+"X", VariablePrefix+EnvStripeSecretKey) {
		for _, value := range []string{"sk_live_canary", "sk_live_canary,sk_live_canary", "https://sk_live_canary@example.com"} {
			if _, mistakes := parse(t, []string{variable + "=" + value}); strings.Contains(mistakes, "canary") {
				t.Errorf("%s: %s", variable, mistakes)
			}
		}
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	for _, argument := range []string{"--help", "-h"} {
		if _, got := parse(t, []string{"TOLLKEEPER_X=1"}, "--x", argument); got != flag.ErrHelp.Error() {
			t.Errorf("%s: %s", argument, got)
		}
	}
}

// No Service can have a name whose variables set a flag, and no secret is a flag.
func TestVariablesOfFlagsAreNoOthers(t *testing.T) {
	var c Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	c.Flags(flags)
	flags.VisitAll(func(f *flag.Flag) {
		variable := Variable(f.Name)
		if strings.Contains(variable+"_", portOfLink+"_") || strings.HasSuffix(variable, serviceHost) {
			t.Errorf("Kubernetes may inject %s", variable)
		}
		if slices.Contains(append(ofSecret, EnvAppName), strings.TrimPrefix(variable, VariablePrefix)) {
			t.Errorf("%s is a flag and a secret", variable)
		}
	})
}

func TestUnknownVariables(t *testing.T) {
	var c Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	c.Flags(flags)
	environ := append(ofServices("tollkeeper-webhook"), "TOLLKEEPER_X=1", "TOLLKEEPER_EMAILS=false", "TOLLKEEPER_APP_NAME=Example", "X=1")
	if diff := cmp.Diff([]string{"TOLLKEEPER_X"}, UnknownVariables(flags, environ)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
