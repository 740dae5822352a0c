package census

import (
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// overrides are numbers of customers.
type overrides struct{ granted, denied, ended int }

// overriddenSpec is the spec of a customer whose access a person decides, or has decided.
func overriddenSpec(c *v1alpha1.Customer) (*v1alpha1.CustomerSpec, bool) {
	if c.Spec.Override == nil && c.Spec.Access != v1alpha1.AccessGranted && c.Spec.Access != v1alpha1.AccessDenied {
		return nil, false
	}
	return c.Spec.DeepCopy(), true
}

// add counts the customer once by the access that is decided now, and apart from that by an override that has ended.
func (o *overrides) add(spec *v1alpha1.CustomerSpec, now time.Time) {
	access, running := string(spec.Access), entitlement.RunningOverride(spec, now)
	switch {
	case running != nil:
		access = string(running.Access)
	case spec.Override != nil:
		o.ended++
	}
	switch access {
	case string(v1alpha1.OverrideGranted):
		o.granted++
	case string(v1alpha1.OverrideDenied):
		o.denied++
	}
}

func (o overrides) report() {
	metrics.CustomersOverridden.WithLabelValues(string(v1alpha1.OverrideGranted)).Set(float64(o.granted))
	metrics.CustomersOverridden.WithLabelValues(string(v1alpha1.OverrideDenied)).Set(float64(o.denied))
	metrics.OverridesEnded.Set(float64(o.ended))
}
