package v1alpha1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Only True entitles and only False suspends: Unknown and no condition do neither.
func TestEntitled(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	type answers struct {
		Is, IsNot       bool
		Since, NotSince time.Time
	}
	for name, tc := range map[string]struct {
		conditions []metav1.Condition
		want       answers
	}{
		"True":         {[]metav1.Condition{{Type: ConditionEntitled, Status: metav1.ConditionTrue}}, answers{Is: true, Since: at}},
		"False":        {[]metav1.Condition{{Type: ConditionEntitled, Status: metav1.ConditionFalse}}, answers{IsNot: true, NotSince: at}},
		"Unknown":      {[]metav1.Condition{{Type: ConditionEntitled, Status: metav1.ConditionUnknown}}, answers{}},
		"no condition": {nil, answers{}},
		"another one":  {[]metav1.Condition{{Type: ConditionReady, Status: metav1.ConditionTrue}}, answers{}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range tc.conditions {
				tc.conditions[i].LastTransitionTime = metav1.NewTime(at)
			}
			c := &Customer{Status: CustomerStatus{Conditions: tc.conditions}}
			got := answers{Is: c.IsEntitled(), IsNot: c.IsNotEntitled(), Since: c.EntitledSince(), NotSince: c.NotEntitledSince()}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
