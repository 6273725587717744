"""Small things every app needs: clock, SQL parameters, access, audit, jobs, encryption. No business."""
