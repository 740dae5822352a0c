package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// ObjectName is the name of the Customer, Subscription or BillingEvent object for a Stripe id of one account ("" for the
// platform's own): the id in lower case, with every other character replaced by '-', then '-' and 8 hex digits of its
// SHA-256. evt_1Ab becomes evt-1ab-f284e753.
//
// Stripe ids are case-sensitive and object names are not: the hash of the exact id keeps apart ids that differ only in
// case. The hash includes the account, so one id has a different name in each account.
//
// The name is valid for every id, and leaves room for a suffix. See
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/.
func ObjectName(account, id string) string {
	const maxStem = 200
	stem := []byte(strings.ToLower(id))
	if len(stem) > maxStem {
		stem = stem[:maxStem]
	}
	for i, c := range stem {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			stem[i] = '-'
		}
	}
	return strings.TrimLeft(string(stem)+"-"+shortHash(account, id), "-")
}

func shortHash(account, id string) string {
	if account != "" {
		id = account + "/" + id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:4])
}
