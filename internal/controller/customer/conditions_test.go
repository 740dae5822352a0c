package customer

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A refusal by Stripe shows where something waits to be read: a doubt, a difference, a request. It does not show on an object
// that only waits for the sweep, or on one that is read.
func TestInSyncWhileStripeRefuses(t *testing.T) {
	const refusal = "Stripe refuses the API key."
	for name, tc := range map[string]struct {
		status  metav1.ConditionStatus
		reason  string
		refusal string
		isAsked bool
		want    [3]string
	}{
		"a doubt":                  {metav1.ConditionUnknown, v1alpha1.ReasonEventsTie, refusal, false, [3]string{"Unknown", "StripeRefuses", "m " + refusal}},
		"a doubt that can be read": {metav1.ConditionUnknown, v1alpha1.ReasonEventsTie, "", false, [3]string{"Unknown", "EventsTie", "m"}},
		"a difference":             {metav1.ConditionFalse, v1alpha1.ReasonDiffers, refusal, false, [3]string{"False", "Differs", "m " + refusal}},
		"a request":                {metav1.ConditionTrue, v1alpha1.ReasonEventsAgree, refusal, true, [3]string{"Unknown", "StripeRefuses", "m " + refusal}},
		"the sweep":                {metav1.ConditionTrue, v1alpha1.ReasonCompared, refusal, false, [3]string{"True", "Compared", "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, reason, message := inSyncRefused(tc.status, tc.reason, "m", tc.refusal, tc.isAsked)
			if got := [3]string{string(status), reason, message}; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
