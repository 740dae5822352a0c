package personal

import (
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// public are the fields that stay, wherever they are: what happened, when, for how much, and the ids of Stripe's objects.
var public = strings.Fields(`
	apiVersion kind uid creationTimestamp
	id eventID type created livemode account context notifiedBy objectID objectKind customerID customerAccount subscriptionID
	chargeID paymentIntentID invoiceID promotionCodeID failedRefundID snapshotEventID defaultPaymentMethodID testClock
	payloadSHA256 warnings decodeError unreadableFields

	status previousStatus paymentStatus mode deleted detached delinquent full more moreLines moreItems pricesRead notFound
	billingReason cancellationReason collectionMethod pausedBy behavior endBehavior duration
	code declineCode blockedBy
	number amount amountDue amountPaid amountRemaining amountRefunded amountTotal amountOff percentOff currency uncaptured
	attemptCount nextPaymentAttempt dueAt paidAt chargedAt made evidenceDueBy resumesAt
	start end periodStart periodEnd startedAt startsAt endsAt endedAt trialStart trialEnd
	currentPeriodStart currentPeriodEnd cancelAt cancelAtPeriodEnd canceledAt

	price product lookupKey nickname quantity unitAmount unitAmountDecimal interval intervalCount keys
	outcome processedAt erasedAt attempts retryAt lastTransitionTime observedGeneration
`)

// publicAt are the fields that stay at one place only. A field of status.refetched is written like one of spec, and a field of
// a list like one of the list's object.
var publicAt = strings.Fields(`
	metadata.name metadata.namespace metadata.resourceVersion metadata.generation
	spec.product.name
	spec.dispute.reason status.reason status.message status.conditions.reason status.conditions.message
`)

// publicMaps are the maps of the seller's catalogue: whatever they hold stays.
var publicMaps = strings.Fields(`
	spec.subscription.items.entitlements spec.product.entitlements spec.invoice.priceMetadata spec.checkout.priceMetadata
`)

// traced are the fields of a trace, which stay where the state has no personal data. The hashes of a customer and of an invoice
// go: they are made of an address and a name among others, and with the rest, addresses can be tried.
var traced = strings.Fields(`
	spec.subscription.stateBefore spec.subscription.stateAfter spec.refund.stateBefore spec.refund.stateAfter
	spec.product.stateBefore spec.product.stateAfter spec.schedule.stateBefore spec.schedule.stateAfter
	spec.features.stateBefore spec.features.stateAfter
`)

// isPublic reports whether a text, a number or a boolean stays.
func isPublic(path []string) bool {
	path = asSpec(path)
	at, last := strings.Join(path, "."), path[len(path)-1]
	isInside := func(folder string) bool { return strings.HasPrefix(at, folder+".") }
	switch {
	case isInside("metadata.labels"):
		return strings.HasPrefix(last, v1alpha1.GroupVersion.Group+"/") && last != v1alpha1.LabelRetry
	case slices.ContainsFunc(publicMaps, isInside):
		return true
	default:
		return slices.Contains(public, last) || slices.Contains(publicAt, at) || slices.Contains(traced, at)
	}
}

// isFree reports whether the map at the path holds whatever people write, even as keys: all of it goes.
func isFree(path []string) bool {
	path = asSpec(path)
	at := strings.Join(path, ".")
	return at == "metadata.annotations" || len(path) > 1 && path[len(path)-1] == "metadata"
}

// asSpec writes a path below status.refetched as one below spec.
func asSpec(path []string) []string {
	if len(path) >= 2 && path[0] == "status" && path[1] == "refetched" {
		return append([]string{"spec"}, path[2:]...)
	}
	return path
}
