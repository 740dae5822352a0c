#!/usr/bin/env bash
# Prints the addresses that Stripe sends webhooks from, as ranges with commas: for the annotation whitelist-source-range, for
# loadBalancerSourceRanges, for a firewall. --nginx prints allow and deny lines. Run it daily: Stripe announces a change seven
# days before (https://docs.stripe.com/ips). It prints nothing, and fails, unless every line is an address.
set -euo pipefail
list=$(curl --fail --silent --show-error --max-time 20 "${STRIPE_IPS_URL:-https://stripe.com/files/ips/ips_webhooks.txt}")
addresses=()
byte='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
while read -r address; do
  [[ $address =~ ^($byte\.){3}$byte$ ]] ||
    { echo "stripe_ips: the list has a line that is no address: nothing is changed" >&2; exit 1; }
  addresses+=("$address/32")
done <<< "$list"

case ${1:-} in
--nginx)
  printf 'allow %s;\n' "${addresses[@]}"
  echo "deny all;"
  ;;
'') (IFS=,; echo "${addresses[*]}") ;;
*)
  echo "usage: stripe_ips.sh [--nginx]" >&2
  exit 2
  ;;
esac
