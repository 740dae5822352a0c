package customer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
)

// The condition says that an override runs or has ended, and until when. It never holds what a person wrote.
func TestOverridden(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	const where = " Its author and its reason are in spec.override."
	for name, tc := range map[string]struct {
		override *v1alpha1.Override
		want     string
	}{
		"none": {nil, ""},
		"granted for a time": {
			&v1alpha1.Override{Access: "Granted", Until: new(metav1.NewTime(noon.Add(time.Second)))},
			"True OverrideGranted An override grants access until 2026-03-10 12:00:01 UTC." + where,
		},
		"granted without end": {&v1alpha1.Override{Access: "Granted"}, "True OverrideGranted An override grants access until it is removed." + where},
		"denied without end":  {&v1alpha1.Override{Access: "Denied"}, "True OverrideDenied An override denies access until it is removed." + where},
		"ended": {
			&v1alpha1.Override{Access: "Denied", Until: new(metav1.NewTime(noon))},
			"False OverrideEnded An override ended on 2026-03-10 12:00:00 UTC. It has no effect." + where,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.override != nil {
				tc.override.Author, tc.override.Reason = "canary@example.com", "Canary asked"
			}
			conditions := []metav1.Condition{{Type: v1alpha1.ConditionOverridden, Status: metav1.ConditionTrue, Reason: "Former"}}
			setOverridden(condition.Setter{Conditions: &conditions, Now: noon}, &v1alpha1.CustomerSpec{Override: tc.override}, noon)
			got := ""
			if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionOverridden); c != nil {
				got = strings.Join([]string{string(c.Status), c.Reason, c.Message}, " ")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Overridden (-want +got):\n%s", diff)
			}
		})
	}
}
