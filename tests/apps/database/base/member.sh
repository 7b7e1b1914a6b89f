# One member: remembers each of its starts beside its data, and serves what it has.
set -eu
echo "$HOSTNAME" >> /data/starts
exec httpd -f -p 5432 -h /data
