package census

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A customer counts once, by what decides now. An override that has ended counts apart.
func TestOverrides(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	override := func(access v1alpha1.OverrideAccess, until *metav1.Time) *v1alpha1.Override {
		return &v1alpha1.Override{Access: access, Until: until}
	}
	later, past := new(metav1.NewTime(noon.Add(time.Second))), new(metav1.NewTime(noon))
	for name, tc := range map[string]struct {
		spec v1alpha1.CustomerSpec
		want overrides
	}{
		"nothing is overridden":             {v1alpha1.CustomerSpec{Access: v1alpha1.AccessAuto}, overrides{}},
		"spec.access grants":                {v1alpha1.CustomerSpec{Access: v1alpha1.AccessGranted}, overrides{granted: 1}},
		"spec.access denies":                {v1alpha1.CustomerSpec{Access: v1alpha1.AccessDenied}, overrides{denied: 1}},
		"granted without end":               {v1alpha1.CustomerSpec{Override: override("Granted", nil)}, overrides{granted: 1}},
		"denied until later":                {v1alpha1.CustomerSpec{Override: override("Denied", later)}, overrides{denied: 1}},
		"granted, and it has ended":         {v1alpha1.CustomerSpec{Override: override("Granted", past)}, overrides{ended: 1}},
		"granted before spec.access":        {v1alpha1.CustomerSpec{Access: v1alpha1.AccessDenied, Override: override("Granted", later)}, overrides{granted: 1}},
		"ended, and spec.access has denied": {v1alpha1.CustomerSpec{Access: v1alpha1.AccessDenied, Override: override("Granted", past)}, overrides{denied: 1, ended: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var got overrides
			if spec, keep := overriddenSpec(&v1alpha1.Customer{Spec: tc.spec}); keep {
				got.add(spec, noon)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(overrides{})); diff != "" {
				t.Errorf("overrides (-want +got):\n%s", diff)
			}
		})
	}
}
