package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// Argo CD's health of an object follows Ready and Stalled, and not whether the customer is entitled.
func TestArgoCDHealth(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(controlplane.Root(), "examples", "gitops", "argocd_health.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config corev1.ConfigMap
	if err := yaml.UnmarshalStrict(content, &config); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ conditions, want string }{
		"new":                        {`nil`, "Progressing Tollkeeper has not seen this object yet"},
		"without Ready":              {`{{type="Entitled", status="True", message="e"}}`, "Progressing Tollkeeper has not seen this object yet"},
		"ready, not entitled":        {`{{type="Entitled", status="False", message="e"}, {type="Ready", status="True", observedGeneration=2, message="r"}}`, "Healthy r"},
		"ready before the change":    {`{{type="Ready", status="True", observedGeneration=1, message="r"}}`, "Progressing r"},
		"events wait":                {`{{type="Ready", status="False", observedGeneration=2, message="w"}}`, "Progressing w"},
		"not known":                  {`{{type="Ready", status="Unknown", observedGeneration=2, message="u"}}`, "Progressing u"},
		"stalled, named after Ready": {`{{type="Ready", status="False", observedGeneration=2, message="r"}, {type="Stalled", status="True", message="s"}}`, "Degraded s"},
	} {
		for _, kind := range []string{"Customer", "Subscription"} {
			check := config.Data["resource.customizations.health.billing.tollkeeper.dev_"+kind]
			script := filepath.Join(t.TempDir(), "health.lua")
			text := "obj = {metadata = {generation = 2}, status = {conditions = " + tc.conditions + "}}\n" +
				"local health = (function()\n" + check + "end)()\nprint(health.status .. ' ' .. health.message)\n"
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := run(t, "glua", script)
			if err != nil || strings.TrimSpace(out) != tc.want {
				t.Errorf("%s, %s: %q, want %q: %v", name, kind, out, tc.want, err)
			}
		}
	}
}
