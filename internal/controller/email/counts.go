package email

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// exposeCounts shows every outcome from the start, so that the first e-mail that is refused counts as an increase.
func exposeCounts() {
	for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
		for _, outcome := range []string{"accepted", "not_accepted", "rejected", "unknown", "expired", "customer_deleted", "limited"} {
			metrics.Emails.WithLabelValues(string(purpose), outcome)
		}
	}
}
