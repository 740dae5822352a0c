package stripetest

import (
	"net/http"
	"strings"
)

// SetKeys has the API accept these keys, in the place of Key. Each one is of the account that it is mapped to.
func (a *API) SetKeys(accounts map[string]string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.accounts = accounts
}

// accepts reports whether the API accepts the key of a request.
func (a *API) accepts(r *http.Request) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.accounts == nil {
		return keyOf(r) == a.Key
	}
	_, isKnown := a.accounts[keyOf(r)]
	return isKnown
}

func keyOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// answerAccount says which account a key is of, as far as SetKeys has said it. See https://docs.stripe.com/api/accounts/retrieve.
func (a *API) answerAccount(w http.ResponseWriter, r *http.Request) bool {
	a.mutex.Lock()
	account := a.accounts[keyOf(r)]
	a.mutex.Unlock()
	if r.URL.Path != "/v1/account" || account == "" {
		return false
	}
	send(w, http.StatusOK, Object{"id": account, "object": "account"})
	return true
}
