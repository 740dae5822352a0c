// Package naming maps Stripe ids to Kubernetes object names and labels.
package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Object is the object name for a Stripe id of one account: see v1alpha1.ObjectName.
func Object(account, id string) string { return v1alpha1.ObjectName(account, id) }

// Email is the name of the Email object for a purpose and a customer, given the customer's object name.
func Email(customer string, purpose v1alpha1.EmailPurpose) string {
	switch purpose {
	case v1alpha1.EmailPasswordReset:
		return customer + "-password-reset"
	default:
		return customer + "-" + strings.ToLower(string(purpose))
	}
}

// Message is the part before the @ of a message's Message-Id. It follows from Stripe's ids and the address, in upper or
// lower case, so that the message of a sign-up keeps it when the cluster's objects are restored from a backup.
func Message(account, customerID, sessionID, address string, purpose v1alpha1.EmailPurpose) string {
	parts := []string{account, customerID, sessionID, string(purpose), strings.ToLower(address)}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Labels are the labels of an object with these Stripe ids. An id that is empty or not a valid label value is left out.
func Labels(eventType, customerID, subscriptionID string) map[string]string {
	labels := map[string]string{}
	for key, value := range map[string]string{
		v1alpha1.LabelEventType:      eventType,
		v1alpha1.LabelCustomerID:     customerID,
		v1alpha1.LabelSubscriptionID: subscriptionID,
	} {
		if value != "" && len(validation.IsValidLabelValue(value)) == 0 {
			labels[key] = value
		}
	}
	return labels
}
