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
	accounts := strings.Split(list, ",")
	for i, account := range accounts {
		account = strings.TrimSpace(account)
		if account != "*" && !accountID.MatchString(account) {
			return fmt.Errorf("entry %d of %d is not the id of a Stripe account: want acct_…, several separated by commas, or *", i+1, len(accounts))
		}
		c.Accounts = append(c.Accounts, account)
	}
	return nil
}
