package stripejson

import "regexp"

// NewestVersion is the newest API version of Stripe whose fields the readers know. Stripe is read in it by default.
//
// It is the first version that reports why a subscription is paused (status_details), which decides whether the customer
// keeps access. In an older one, a reading would lack what an event reports. Nothing is read that only later versions have.
// See https://docs.stripe.com/changelog/endive/2026-09-30/pause-subscription.
const NewestVersion = "2026-09-30.endive"

// versionForm is the form of Stripe's API versions: a date, and since 2024-09-30 the name of a release.
var versionForm = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(\.[a-z]{1,20})?$`)

// IsVersion reports whether text has the form of an API version, such as 2023-10-16 or 2025-03-31.basil. See
// https://docs.stripe.com/api/versioning.
func IsVersion(text string) bool { return versionForm.MatchString(text) }
