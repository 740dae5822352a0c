package ordercases

import (
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const featuresUpdated = "entitlements.active_entitlement_summary.updated"

func shownFeatures(a projection.Aggregate) string { return strings.Join(a.Customer.Features, ", ") }
