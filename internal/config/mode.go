package config

// KeyMode is the mode of a secret or restricted key of Stripe: live, or else test. isKnown is false if it has no form of such a
// key. See https://docs.stripe.com/keys.
func KeyMode(key string) (live, isKnown bool) {
	form := stripeKeyForm.FindStringSubmatch(key)
	if form == nil {
		return false, false
	}
	return form[2] == "live", true
}
