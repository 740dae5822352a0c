// Package redact takes out of Tollkeeper's objects what must not leave the cluster in a bug report: names, addresses, the
// values of metadata, what people wrote, and the last digits of cards.
//
// It keeps what it knows, and nothing else: a field that is added to the API later is taken out until it is listed here.
// Numbers, booleans, times and the keys of maps stay.
package redact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Taken is what stands in the place of a text that was taken out.
const Taken = "(taken out)"

// kept are the fields whose text stays, wherever they are.
var kept = strings.Fields(`
	apiVersion kind namespace uid resourceVersion
	type status outcome phase purpose source state mode authority doubt
	id customerID subscriptionID eventID objectID objectKind chargeID paymentIntentID invoiceID sessionID failedRefundID
	defaultPaymentMethodID account customerAccount testClock price product
	code declineCode blockedBy pausedBy behavior billingReason cancellationReason collectionMethod paymentStatus previousStatus
	currency interval plan plans lookupKey decodeError
	payloadSHA256 stateBefore stateAfter differed remaining
`)

// keptAt are the fields whose text stays at one place only. A field of a list is written like one of the list's object.
var keptAt = strings.Fields(`
	metadata.name metadata.ownerReferences.name spec.customerRef.name status.subscriptions.name
	status.conditions.reason status.conditions.message status.message status.memory status.positions
	spec.dispute.reason status.openDisputes.reason
	spec.access spec.override.access spec.gracePeriod
`)

// dropped are left out as a whole.
var dropped = []string{"metadata.managedFields", "metadata.annotations"}

// free are the maps whose values are anything.
var free = []string{"metadata", "priceMetadata", "entitlements"}

// Object is the JSON form of the object without what must not leave the cluster.
func Object(object any) (map[string]any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	clean, _ := redact(fields, nil, false).(map[string]any)
	return clean, nil
}

// redact cleans a value. isFree reports that it is in a map whose values are anything.
func redact(value any, path []string, isFree bool) any {
	switch v := value.(type) {
	case map[string]any:
		clean := map[string]any{}
		for key, field := range v {
			below := append(slices.Clone(path), key)
			if slices.Contains(dropped, strings.Join(below, ".")) {
				continue
			}
			// The object's own metadata, at the top, is Kubernetes'.
			clean[withoutAddress(key)] = redact(field, below, isFree || len(path) > 0 && slices.Contains(free, key))
		}
		return clean
	case []any:
		clean := make([]any, len(v))
		for i := range v {
			clean[i] = redact(v[i], path, isFree)
		}
		return clean
	case string:
		if isFree || !isKept(path, v) {
			return Taken
		}
		return withoutAddress(v)
	default:
		return v
	}
}

func isKept(path []string, text string) bool {
	if text == "" {
		return true
	}
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return true
	}
	isLabel := len(path) == 3 && path[1] == "labels" && path[0] == "metadata" && strings.HasPrefix(path[2], v1alpha1.GroupVersion.Group+"/")
	return isLabel || slices.Contains(kept, path[len(path)-1]) || slices.Contains(keptAt, strings.Join(path, "."))
}

// withoutAddress takes a text out that may be an address: an id that a Stripe account chose by itself may be one.
func withoutAddress(text string) string {
	if strings.Contains(text, "@") {
		return Taken
	}
	return text
}
