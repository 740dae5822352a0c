package customer

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

func TestALockoutIsTheLossOfAccess(t *testing.T) {
	condition := func(status metav1.ConditionStatus) *metav1.Condition {
		return &metav1.Condition{Status: status, Reason: "PaymentFailed"}
	}
	for name, tc := range map[string]struct {
		before, now *metav1.Condition
		want        float64
	}{
		"access ends":                          {condition("True"), condition("False"), 1},
		"access begins":                        {condition("False"), condition("True"), 0},
		"it is not known any more":             {condition("True"), condition("Unknown"), 0},
		"an import knows more":                 {condition("Unknown"), condition("False"), 0},
		"a customer that never had any access": {nil, condition("False"), 0},
	} {
		before := lockouts(t)
		countLockout(tc.before, tc.now)
		if got := lockouts(t) - before; got != tc.want {
			t.Errorf("%s: counted %g, want %g", name, got, tc.want)
		}
	}
}

func lockouts(t *testing.T) float64 {
	t.Helper()
	var m dto.Metric
	if err := metrics.Lockouts.WithLabelValues("PaymentFailed").Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// A reason that is missing would hide its first lock-outs, which may be all there are.
func TestEveryReasonOfFalseIsExposed(t *testing.T) {
	source, err := os.ReadFile("../../../api/v1alpha1/conditions.go")
	if err != nil {
		t.Fatal(err)
	}
	group := regexp.MustCompile(`(?s)// Reasons of Entitled=False\.\nconst \((.*?)\n\)`).FindSubmatch(source)
	if group == nil {
		t.Fatal("the API documents no reasons of Entitled=False")
	}
	var want []string
	for _, value := range regexp.MustCompile(`= "(\w+)"`).FindAllSubmatch(group[1], -1) {
		want = append(want, string(value[1]))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(lockoutReasons))); diff != "" {
		t.Errorf("reasons (-api +lockoutReasons):\n%s", diff)
	}
}
