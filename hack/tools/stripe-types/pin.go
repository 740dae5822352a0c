//go:build pin

package main

import _ "github.com/stripe/stripe-go/v85" // go.mod pins it; main reads its source and is not linked with it
