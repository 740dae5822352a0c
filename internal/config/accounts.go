package config

import (
	"fmt"
	"regexp"
	"strings"
)

// accountID is the form of the ids of Stripe's accounts.
var accountID = regexp.MustCompile(`^acct_[A-Za-z0-9_]{1,200}$`)

// setAccounts splits the comma-separated list of accounts.
func (c *Config) setAccounts(list string) error {
	c.Accounts = nil
	if strings.TrimSpace(list) == "" {
		return nil
	}
	for account := range strings.SplitSeq(list, ",") {
		account = strings.TrimSpace(account)
		if account != "*" && !accountID.MatchString(account) {
			return fmt.Errorf("%q is not the id of a Stripe account: want acct_…, several separated by commas, or *", account)
		}
		c.Accounts = append(c.Accounts, account)
	}
	return nil
}
