package say

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Dismissed is what stands beside the word "Dismissed": who dismissed the event, when and why, and why it had failed.
func Dismissed(e *v1alpha1.BillingEvent) string {
	return "By " + e.Dismissal() + ". It had failed: " + e.Status.Message
}
