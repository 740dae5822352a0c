// Package passwordreset lets an application check and consume the token of a password-reset e-mail.
//
// The token is in the link and nowhere else. For each customer, the PasswordReset "<customer>-password-reset" holds
// hashes of the tokens that were sent, and the customer's Stripe id. The application needs the ClusterRole
// tollkeeper-password-reset-consumer-role in that namespace: it may get PasswordResets and update their status, and
// nothing else. It needs no Kubernetes client: InCluster is one.
package passwordreset

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// QueryParameter is the link's query parameter that holds the token.
const QueryParameter = "token"

var (
	// ErrInvalid means that the token was never sent to a customer, that newer ones have replaced it, that its
	// PasswordReset was restored from a backup, or that it was used or expired long ago.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired means that the token was valid and has expired.
	ErrExpired = errors.New("the token has expired")
	// ErrAddressChanged means that the customer's e-mail address has changed since the link was sent: the link
	// may be in another person's mailbox. A link to the present address works.
	ErrAddressChanged = errors.New("the customer's e-mail address has changed since the link was sent")
	// ErrConsumed means that the token, or another one of the same customer, was consumed before.
	ErrConsumed = errors.New("the token was used before")
)

// Reset is a consumed token: whose password may now be set.
type Reset struct {
	// CustomerID is the customer's Stripe id (cus_…).
	CustomerID string
	// Account is the connected account (acct_…) of the customer; empty for the platform's own.
	Account string
	// Address is the e-mail address that the link was sent to, and the only one that its user is known to own. It is
	// empty for a link that an earlier version sent.
	Address string

	uid         types.UID
	addressHash string
}

// SentTo reports whether the link was sent to this e-mail address. Upper and lower case are the same. An application
// that knows the address of its user checks it, so that a link to an address that was corrected since sets no password.
// It is false for a link that an earlier version sent, whose address is not known.
func (r Reset) SentTo(address string) bool {
	return r.addressHash != "" && AddressHash(r.uid, address) == r.addressHash
}

// ObjectName is the name of the PasswordReset for the Customer object of that name.
func ObjectName(customer string) string { return customer + "-password-reset" }

// NewToken makes a token of 256 random bits for the Customer object of that name.
func NewToken(customer string) string {
	random := make([]byte, sha256.Size)
	_, _ = rand.Read(random) // it never fails
	return base64.RawURLEncoding.EncodeToString([]byte(customer)) + "." + base64.RawURLEncoding.EncodeToString(random)
}

// Hash is the hash of a token that the PasswordReset with the UID holds.
func Hash(uid types.UID, token string) string { return hash("token", uid, token) }

// AddressHash is the hash of an e-mail address that the PasswordReset with the UID holds.
func AddressHash(uid types.UID, address string) string {
	return hash("address", uid, strings.ToLower(strings.TrimSpace(address)))
}

func hash(kind string, uid types.UID, text string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + string(uid) + "\x00" + text))
	return hex.EncodeToString(sum[:])
}

// Consume checks a token and marks it as consumed. It returns whose password may now be set. Of several calls with the
// tokens of one customer, concurrent or not, one succeeds. Errors are ErrInvalid, ErrExpired, ErrConsumed,
// ErrAddressChanged, or those of the API server; after the latter the call can be repeated.
//
// Links of an earlier version work until they expire, if the application may still get and update Secrets.
func Consume(ctx context.Context, c Cluster, namespace, token string, now time.Time) (Reset, error) {
	encoded, _, found := strings.Cut(token, ".")
	name, err := base64.RawURLEncoding.DecodeString(encoded)
	if !found || err != nil || len(validation.IsDNS1123Subdomain(string(name))) > 0 {
		return Reset{}, ErrInvalid
	}
	key := types.NamespacedName{Namespace: namespace, Name: ObjectName(string(name))}
	reset, err := consume(ctx, c, key, token, now)
	if errors.Is(err, ErrInvalid) || apierrors.IsForbidden(err) || meta.IsNoMatchError(err) {
		old, oldErr := consumeSecret(ctx, c, key, token, now)
		if !errors.Is(oldErr, ErrInvalid) {
			return old, oldErr
		}
	}
	return reset, err
}

func consume(ctx context.Context, c Cluster, key types.NamespacedName, token string, now time.Time) (Reset, error) {
	for {
		var reset v1alpha1.PasswordReset
		switch err := c.Get(ctx, key, &reset); {
		case apierrors.IsNotFound(err):
			return Reset{}, ErrInvalid
		case err != nil:
			return Reset{}, fmt.Errorf("get the PasswordReset of the token: %w", err)
		}
		sent, err := check(&reset, token, now)
		if err != nil {
			return Reset{}, err
		}
		reset.Status.ConsumedAt = &metav1.Time{Time: now.UTC()}
		switch err := c.UpdateStatus(ctx, &reset); { // fails if the PasswordReset has changed since it was read
		case err == nil:
			return Reset{
				CustomerID: reset.Spec.CustomerID, Account: reset.Spec.Account, Address: open(reset.UID, token, sent.SealedAddress),
				uid: reset.UID, addressHash: sent.AddressSHA256,
			}, nil
		case apierrors.IsNotFound(err):
			return Reset{}, ErrInvalid
		case !apierrors.IsConflict(err): // after a conflict, check the PasswordReset again
			return Reset{}, fmt.Errorf("consume the token: %w", err)
		}
	}
}

// check returns what the PasswordReset holds about the token, if it may be consumed.
func check(reset *v1alpha1.PasswordReset, token string, now time.Time) (*v1alpha1.ResetToken, error) {
	presented := []byte(Hash(reset.UID, token))
	for i := range reset.Spec.Tokens {
		sent := &reset.Spec.Tokens[i]
		switch {
		case subtle.ConstantTimeCompare(presented, []byte(sent.SHA256)) != 1:
			continue
		case reset.Status.ConsumedAt != nil:
			return nil, ErrConsumed
		case !now.Before(sent.ExpiresAt.Time):
			return nil, ErrExpired
		case reset.Spec.AddressSHA256 != "" && reset.Spec.AddressSHA256 != sent.AddressSHA256:
			return nil, ErrAddressChanged
		}
		return sent, nil
	}
	return nil, ErrInvalid
}
