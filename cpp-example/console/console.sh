#!/bin/sh
# A stand-in for a console, of DCMTK and the program dlnms: receives studies, scores each when it is complete, and sends the results back.
#
#   console.sh PORT FOLDER BUNDLE ARCHIVE_HOST ARCHIVE_PORT TUMOUR...     for example: ... archive 104 --roi GTV
#
# Research use only. FOLDER keeps the studies that were received and the results. TUMOUR... are options of `dlnms score`.
set -eu
if [ "$1" = study ]; then # called by storescp with the folder of a study that is complete
    study=$2 folder=$3 bundle=$4 host=$5 port=$6
    shift 6
    results=$folder/results/$(basename "$study")
    mkdir -p "$results"
    # Without trained weights nothing goes to an archive, unless it is said; DLNMS_ALLOW_NOT_TRAINED=1 is for tests.
    dlnms score --bundle "$bundle" --json "$results/result.json" --dicom "$results" \
        ${DLNMS_ALLOW_NOT_TRAINED:+--allow-not-trained} "$@" "$study" > "$results/log.txt" 2>&1 &&
        storescu --required "$host" "$port" "$results"/*.dcm >> "$results/log.txt" 2>&1 || echo "failed with $?" >> "$results/log.txt"
    exit 0
fi
self=$(realpath "$0") port=$1 folder=$2 bundle=$3 host=$4 archive=$5
shift 5
mkdir -p "$folder/studies" "$folder/results"
exec storescp --output-directory "$folder/studies" --sort-on-study-uid study --prefer-jls-lossless --eostudy-timeout 3 --exec-sync \
    --exec-on-eostudy "$self study #p $folder $bundle $host $archive $*" "$port"
