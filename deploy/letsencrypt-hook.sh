#!/bin/sh
# Installs a renewed certificate where the service reads it, and reloads the service. certbot sets RENEWED_LINEAGE, the folder
# of the renewed certificate. In /etc/letsencrypt/renewal-hooks/deploy/sallyport, mode 0755.
set -eu
to=/var/lib/sallyport/tls
owner=$(stat -L -c %u:%g /var/lib/sallyport)
install -d -m 0700 "$to"
install -m 0644 "$RENEWED_LINEAGE/fullchain.pem" "$to/server.crt.new"
install -m 0600 "$RENEWED_LINEAGE/privkey.pem" "$to/server.key.new"
chown "$owner" "$to" "$to/server.crt.new" "$to/server.key.new"
mv "$to/server.crt.new" "$to/server.crt"
mv "$to/server.key.new" "$to/server.key"
if systemctl is-active --quiet sallyport; then systemctl reload sallyport; fi
