package stripeaccount

import "slices"

// All in a Selection lets in every account.
const All = "*"

// Selection names the connected accounts that are let in, by their ids (acct_…) or as All. The platform's own account
// always is.
type Selection []string

// Includes reports whether an account is let in. The platform's own has no id.
func (s Selection) Includes(account string) bool {
	return account == "" || slices.Contains(s, account) || slices.Contains(s, All)
}
