// Command notifications receives Tollkeeper's notifications, and logs them: an example to copy. See docs/notifications.md.
package main

import (
	"encoding/base64"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("CLOUDEVENTS_SIGNING_SECRET"), "whsec_"))
	if err != nil || len(secret) < 24 {
		log.Fatal("CLOUDEVENTS_SIGNING_SECRET is not whsec_ and a secret in base64")
	}
	handler := &receiver{secret: secret, acted: map[string]string{}, act: func(e event) error {
		log.Print(e.Subject, " is ", e.Data.Entitled, ": ", e.Data.Reason)
		return nil
	}}
	server := http.Server{Addr: ":8080", Handler: handler, ReadTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
