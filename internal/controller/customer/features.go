package customer

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// inSyncFeatures is InSync of a customer whose features are in doubt.
func inSyncFeatures(c *v1alpha1.CustomerStatus) (status metav1.ConditionStatus, reason, message string) {
	if c.CutFeatures == nil {
		return inSync(projection.FeaturesPosition(c), nil)
	}
	return metav1.ConditionUnknown, v1alpha1.ReasonFeaturesCut, fmt.Sprintf(
		"The list of features is cut: Stripe's latest one names the first %d only. Those that were known before show, too. "+
			"With a Stripe key that may read Entitlements, all of them are read.", len(c.CutFeatures.First))
}
